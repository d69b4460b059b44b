"""The ward in a browser, and its API: one page, server-sent events, a WebSocket for samples. It only reads."""
