"""The doors: what a function accepts, answers and refuses."""
