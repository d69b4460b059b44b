"""The ward in a browser, and its API: one page, server-sent events, a WebSocket for samples.

It reads, but for one thing: somebody may say that what needs attention is known.
"""
