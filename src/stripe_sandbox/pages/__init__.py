"""The pages a person sees: plain HTML without any outside asset."""
