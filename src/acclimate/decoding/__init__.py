"""The one decoding loop, and scoring, over shared prefixes."""
