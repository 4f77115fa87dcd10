"""What the engine is asked about: types with samples, names of types, operators, functions."""

from __future__ import annotations

import re

SAMPLES = {
    "text": ("'abc'", "'Höhe 7'", "'b'", "''"),
    "smallint": ("7", "2"),
    "integer": ("7", "2", "1"),
    "bigint": ("7", "2"),
    "numeric": ("1200.50", "2.25"),
    "double precision": ("1200.5", "0.25"),
    "date": ("'2026-01-31'", "'2024-02-29'"),
    "time": ("'10:20:30'",),
    "timestamp": ("'2026-01-31 10:20:30'", "'2024-02-29 00:00:00'"),
    "timestamptz": ("'2026-01-31 10:20:30+00'", "'2024-02-29 00:00:00+00'"),
    "interval": ("'1 day'",),
    "boolean": ("true", "false"),
    "bytea": ("'ab'",),
}
"""Types that a column may have, with values of each."""

CONSTANT = "constant"
"""A text literal, which takes the type of what stands beside it."""

CONSTANTS = ("'1'", "'2026-01-31'", "'day'", "'true'", "','")

RESULTS = {
    "small_int": "smallint",
    "int": "integer",
    "big_int": "bigint",
    "double": "double precision",
    "timestamp_tz": "timestamptz",
    "bool": "boolean",
    "bytes": "bytea",
    "varchar": "text",
    "char": "text",
}
"""Names of the package for types, where they are not those of SQL."""

TYPE_NAMES = (
    *("bool", "boolean", "smallint", "int2", "int", "integer", "int4", "bigint", "int8", "oid"),
    *("numeric", "decimal", "dec", "real", "float", "float4", "float8", "double"),
    *("double precision", "text", "varchar", "character varying", "char", "character", "bpchar"),
    *("string", "bytea", "blob", "binary", "varbinary", "date", "time", "timetz", "timestamp"),
    *("timestamptz", "timestamp with time zone", "timestamp without time zone", "datetime"),
    *("time with time zone", "time without time zone", "interval", "json", "uuid", "tinyint"),
    *("int1", "int16", "int32", "int64", "int128", "hugeint", "uhugeint", "utinyint", "bit"),
    *("usmallint", "uinteger", "ubigint", "uint8", "uint32", "uint64", "long", "short", "signed"),
    *("nvarchar", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp_us", "varint"),
    *("bignum", "logical", "guid", "bitstring", "variant", "geometry", "enum", "null"),
)

OPERATORS = ("+", "-", "*", "/", "%", "^", "||", "=", "<>", "<", "<=", ">", ">=", "~", "!~", "&")
MORE_OPERATORS = ("|", "like", "not like", "ilike", "similar to", "and", "or", "is distinct from")

FUNCTIONS_LEFT_OUT = frozenset(
    {"generate_series", "unnest", "row", "col_description", "obj_description", "format_type"}
    | {"shobj_description", "current_setting", "current_schemas", "get_bit", "mask_text"}
)
"""Names that are no function of values, or tell of the catalogue of one engine."""

PREFIXES_LEFT_OUT = (
    *("array_", "pg_", "has_", "json", "hyper_", "geo_", "holistic_", "iceberg_", "s3_", "gcs_"),
    *("azure_", "http_", "vector_", "hybrid_", "keyword_", "raw_sql_", "predict", "train"),
    *("external", "dumpsql", "kmeans", "set_", "result_scan", "foreign_", "confusion", "read_"),
)
"""Names of lists, JSON, files and models, which no column of an object needs; some end Hyper."""

MANY = frozenset({"coalesce", "concat", "greatest", "least"})
"""Functions of as many values as are given: two tell how they go together."""

WINDOWS = frozenset(
    {"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead"}
    | {"first_value", "last_value"}
)

WRONG_WIDTH = re.compile(
    "wrong number of arguments|too many arguments|expects? "
    "|requires? (a single|1|2|exactly|at most)"
)
"""How Hyper says that a function takes another number of arguments."""

VOLATILE = frozenset({"now", "random", "uuidv4", "uuidv7", "version", "current_database", "pi"})
"""Functions of no argument whose values are not compared."""
