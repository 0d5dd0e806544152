"""`docs/api.md`, made from the gateway's own OpenAPI document; `python -m api.reference` prints it."""
