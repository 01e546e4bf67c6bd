"""Files of numbers instead of pictures: points of the plane and volumes, as NumPy saves them."""
