"""Declarative management of Globus Auth: manifests in, an ordered plan out, applied with care."""
