"""Rules, one by one."""
