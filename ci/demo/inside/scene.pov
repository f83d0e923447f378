// SPDX-License-Identifier: GPL-2.0-only
// Tiles, as the name of the whole has it, and balls on them.
#version 3.7;
global_settings { assumed_gamma 1 }
camera { location <0, 2.2, -6> look_at <0, 0.2, 0> right x * image_width / image_height }
light_source { <-9, 12, -9> rgb 1 area_light 2*x, 2*y, 3, 3 }
sky_sphere { pigment { gradient y color_map { [0 rgb <0.9, 0.95, 1>] [1 rgb <0.2, 0.4, 0.8>] } } }
plane { y, -1 pigment { checker rgb <0.95, 0.9, 0.8>, rgb <0.25, 0.3, 0.4> } finish { reflection 0.25 } }
#declare N = 0;
#while (N < 40)
  sphere {
    <N / 7 - 2.8, sin(N) * 0.9 + 0.4, cos(N) * 2>, 0.45
    pigment { rgb <0.3 + N / 60, 0.5, 1 - N / 50> }
    finish { phong 0.8 reflection 0.35 }
  }
  #declare N = N + 1;
#end
