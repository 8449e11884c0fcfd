"""The pages, one module each: from values and words to HTML. They know no service and decide nothing."""
