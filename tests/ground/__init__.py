"""The ground: bootstrap, requirements, host settings, package contents, and what no file may say."""
