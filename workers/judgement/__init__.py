"""How right trading's own words were: its theses, its catalysts, its predictions of volume, its discovery runs."""
