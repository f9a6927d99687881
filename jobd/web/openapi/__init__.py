"""DESCRIBES: the HTTP API as an OpenAPI document, from the tables that make the API itself."""
