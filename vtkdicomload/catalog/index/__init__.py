"""An index: what the headers of an archive say, in Parquet files that any program reads."""
