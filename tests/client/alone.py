"""Run by a Python that has the client and what it needs, and nothing else: it imports all of it, and tries a bot.

python alone.py README: the page whose example of a bot's test is run.
"""

import importlib
import pkgutil
import re
import sys
from pathlib import Path

import learning_client

for module in pkgutil.walk_packages(learning_client.__path__, "learning_client."):
    if module.name != "learning_client.openfeature":  # an extra
        importlib.import_module(module.name)

[code] = [
    code
    for code in re.findall(r"```python\n(.*?)```", Path(sys.argv[1]).read_text(encoding="utf-8"), re.DOTALL)
    if "MemoryBroker" in code
]
names = {}
exec(code, names)
names["params"].close(1.0)
names["publisher"].close(1.0)
