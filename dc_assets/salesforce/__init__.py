"""Adapters to a Salesforce org and its Data Cloud tenant, over HTTP."""
