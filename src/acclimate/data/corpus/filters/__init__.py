"""C4's and Gopher's rules, and the word counts they read."""
