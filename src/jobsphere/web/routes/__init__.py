"""The routes, one file for each thing they are about; ``app.py`` lists their routers."""
