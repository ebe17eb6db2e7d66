"""What people are told about their money, as rows written together with it."""
