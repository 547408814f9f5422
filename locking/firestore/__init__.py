"""The lock store on Firestore."""
