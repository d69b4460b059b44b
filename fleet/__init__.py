"""Many machines: the sessions of one ward, spread over shards that Ray places and restarts."""
