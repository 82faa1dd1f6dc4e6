package kernels

import "math"

// Minimax polynomials, lowest power first. The vector bodies read them too.

// Exp2 is (2^f − 1)/f for |f| ≤ ½, relative error 2.4e-10.
var Exp2 = [7]float64{
	6.931471805815692e-01, 2.4022650920051656e-01, 5.550410727597083e-02, 9.618057037010451e-03,
	1.3333669451609847e-03, 1.5461329895101488e-04, 1.5252719788364705e-05,
}

// ExpTail is 4(e^r − 1 − r)/r² at v = r/4, |r| ≤ ln2/2; e^r − 1 from it has the
// relative error 2e-17.
var ExpTail = [10]float64{
	2.000000000000002, 2.666666666666655, 2.6666666666607175, 2.1333333333468776, 1.4222222266720763,
	0.8126984080244213, 0.4063478494817986, 0.18060017360300476, 0.0724207226267186, 0.026273647651970843,
}

// Tan32 is tan πt·(¼ − w)/t, w = t², t ≤ ½, relative error 1.1e-9.
var Tan32 = [6]float64{
	7.853981642666768e-01, -5.577365017302483e-01, -1.3475875022380174e-01, -5.281076975199174e-02,
	-2.1238387100659827e-02, -1.4042259164525165e-02,
}

// Atan32 is atan(q)/(πq), z = q² ≤ 0.394, relative error 3e-10.
var Atan32 = [8]float64{
	0.31830988608818567, -0.10610326425076205, 0.06366029430547179, -0.0454377425628427, 0.03500162502736088,
	-0.026799132265444676, 0.01715153783513417, -0.00622270409652199,
}

// Cos32 is cos πt/(¼ − w), w = t², t ≤ ½, relative error 1e-9.
var Cos32 = [5]float64{
	3.9999999960724026, -3.7392080477652794, 1.2779897650833125, -2.2873854159014028e-01,
	2.4154096148280346e-02,
}

// Tan64 is (T − π/4 − v·w⁰)/w with T as Tan32 approximates it: the constant
// term, which depends on the parameter, is added in smooth64. Error 2^-56 of T/w.
var Tan64 = [11]float64{
	-0.5577362635648082, -0.13476940059055129, -0.05263664422478334, -0.02251293870761162,
	-0.009879861577437957, -0.004371873325819913, -0.0019405533377291004, -0.0008583639964333379,
	-0.00039885287293915233, -0.00012529912865520579, -0.0001431928503877217,
}

// Atan64 is atan(q)/(πq) less the float64 nearest to 1/π, z = q² ≤ 0.394, error
// 2^-55 of 1/π.
var Atan64 = [15]float64{
	-1.9678676675182486e-17, -0.10610329539459687, 0.06366197723674123, -0.04547284088059752,
	0.035367764947942505, -0.02893725607384029, 0.024485245407000266, -0.021218899111487412,
	0.018707847970478586, -0.016647065859734543, 0.01466050722248322, -0.012152554294901455,
	0.008577612428629516, -0.004350308223287154, 0.0011316816054832539,
}

// Cos64 is (cos πt/(¼ − w))², w = t², relative error 2^-56; squared here, so that
// the rounding errors of a cosine do not count twice.
var Cos64 = [11]float64{
	16, -29.91367041742974, 24.20578884190842, -11.389500239405887, 3.5485075892033406, -0.7899897222653393,
	0.132251756585731, -0.017275997498629046, 0.0018111156796609554, -0.00015532131433278743,
	1.0303661247489039e-05,
}

// horner evaluates from the highest power down: for float64, whose last bits
// depend on the order.
func horner(x float64, c []float64) float64 {
	y := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		y = math.FMA(y, x, c[i])
	}
	return y
}

// poly5 to poly8 are Estrin's scheme: pairs, then pairs of pairs. Half the
// latency of Horner's, which is what bounds the float32 loops.

func poly5(x float64, c *[5]float64) float64 {
	x2 := float64(x * x)
	low := math.FMA(math.FMA(c[3], x, c[2]), x2, math.FMA(c[1], x, c[0]))
	return math.FMA(c[4], float64(x2*x2), low)
}

func poly6(x float64, c *[6]float64) float64 {
	x2 := float64(x * x)
	low := math.FMA(math.FMA(c[3], x, c[2]), x2, math.FMA(c[1], x, c[0]))
	return math.FMA(math.FMA(c[5], x, c[4]), float64(x2*x2), low)
}

func poly7(x float64, c *[7]float64) float64 {
	x2 := float64(x * x)
	low := math.FMA(math.FMA(c[3], x, c[2]), x2, math.FMA(c[1], x, c[0]))
	high := math.FMA(c[6], x2, math.FMA(c[5], x, c[4]))
	return math.FMA(high, float64(x2*x2), low)
}

func poly8(x float64, c *[8]float64) float64 {
	x2 := float64(x * x)
	low := math.FMA(math.FMA(c[3], x, c[2]), x2, math.FMA(c[1], x, c[0]))
	high := math.FMA(math.FMA(c[7], x, c[6]), x2, math.FMA(c[5], x, c[4]))
	return math.FMA(high, float64(x2*x2), low)
}
