"""What a family of distributions is: its class, the role and link of each parameter, and all shapes."""
