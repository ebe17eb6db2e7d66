"""Who people are: users, their roles, their passwords and the tokens they sign in with."""
