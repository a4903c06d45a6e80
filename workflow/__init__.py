"""What builds the book, its site and its releases. A room for each; `make help` lists the doors."""
