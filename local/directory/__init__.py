"""The directory on your desk: a tenant in plain Python (`model`, `tenant`), and Graph v1.0 over it (`wire`)."""
