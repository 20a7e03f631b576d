"""Parquet schemas and files of a report; nothing else reads or writes them."""
