"""The control plane over HTTP: tenants, keys, documents and their versions, preview, audit."""
