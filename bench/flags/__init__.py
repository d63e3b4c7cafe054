"""Other SDKs that read values for a unit, all of the extra ``flags``."""
