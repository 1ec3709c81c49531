"""The search index, a projection of SQL that can be thrown away and made again; the only place that knows Qdrant."""
