"""Connected accounts: what they may do, what they still owe, where their money goes."""
