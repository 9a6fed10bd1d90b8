"""The browser engines that a page can be opened in: one module each, all giving the same PageDriver."""
