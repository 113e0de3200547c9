"""The one decoding loop: scheduler, requests, batches, prefix cache."""
