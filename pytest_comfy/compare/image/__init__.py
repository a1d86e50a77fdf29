"""Pictures and animations, as they come in files: of the two, each is compared as what it is."""
