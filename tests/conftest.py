"""Shared by all tests. Adapters come from fakes unless a test asks for real ones."""
