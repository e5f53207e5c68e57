"""What flowtui takes at scale, beside Metaflow's Client API; see `__main__`."""
