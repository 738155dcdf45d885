"""From interactions to what ranking reads: popularity and co-visitation, by day."""
