"""Several models as one: members, their calls, their scores on dev."""
