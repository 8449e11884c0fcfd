"""The adapters through the real SDKs, against the stand-ins and against answers no service should give."""
