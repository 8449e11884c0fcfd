"""Azure on your desk: stand-ins that the unmodified SDKs and the app itself talk to over the real protocols."""
