"""What it will take: operations, memory, money."""
