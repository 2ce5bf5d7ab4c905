"""Loaded by schemathesis: the media type of tus, whose bodies are bytes like any other."""

import schemathesis

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
