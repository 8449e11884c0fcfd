"""Every port over the stand-ins' models, in one process and on one clock."""
