"""Texts: equal by the rule that holds for them, or where they part."""
