"""What the providers of clouds share: words for failures, GPUs, the account's life, common keys.

Below the adapters: it knows the domain and no cloud, and every cloud may use it.
"""
