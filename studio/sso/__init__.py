"""Sign-in through an identity provider: allauth's code flow, with what it leaves out checked."""
