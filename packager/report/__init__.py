"""What a build tells: one BuildReport, rendered as JSON, Markdown, HTML and JUnit."""
