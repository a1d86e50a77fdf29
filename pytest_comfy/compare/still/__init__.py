"""One picture: decoded, brought into canonical form, summed up in maps, and compared by these."""
