"""What Messenger and Instagram share: the envelope of their webhooks, what people send, and how it is answered.

``envelope`` reads a webhook's entries to events and hands each kind to the channel's own readers. The other modules are
pieces of those readers and of the sends. A library: no hooks, no entry point.
"""
