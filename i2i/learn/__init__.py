"""`i2i learn`: the page on which small GANs train before one's eyes, fail, and recover.

A point in the plane is a picture of two channels and one pixel, so that points and pictures go through one method, one
objective and one doctor. data.py and pictures.py have what is learnt, controls.py what can be set, training.py one
training, views.py what the page draws, failures.py how each failure is provoked, course.py the ten lessons; web/ has
the visitors, the worker that trains for all of them, and the page.
"""
