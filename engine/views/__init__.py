"""Views: one row a stream with the columns lists need, and the questions asked of them. Disposable."""
