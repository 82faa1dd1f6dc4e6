package main
import ("testing";"math/rand/v2";"github.com/stepgrad/stepgrad/examples/internal/digits";"time")
func TestTry(t *testing.T){
 im,lab,_:=digits.Load()
 d:=dataset{im,lab}
 for seed:=uint64(0);seed<2;seed++{
 in,out:=d.split(rand.New(rand.NewPCG(seed,9)))
 for _,m:=range methods{
  t0:=time.Now()
  r:=m.train(in,out,8,1000,seed,func(){})
  t.Log(m.name, r.accuracy[4],r.accuracy[12], r.accuracy[24], r.again, r.chosen(), time.Since(t0))
 }
 rng:=rand.New(rand.NewPCG(seed,9))
 t.Log("random", retrained(in,out,rng.Perm(64)[:8],1000,seed), retrained(in,out,rng.Perm(64)[:8],1000,seed),"var",retrained(in,out,mostVarying(in,8),1000,seed))
 at:=make([]int,64); for i:=range at{at[i]=i}
 t.Log("all",retrained(in,out,at,1000,seed))
 }
}
